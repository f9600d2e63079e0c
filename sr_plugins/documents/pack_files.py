"""The YAML files that a pack consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sr_domain.encoding.bounds import code_of
from sr_plugins.documents.files import read_config
from sr_plugins.documents.yaml import load_yaml
from sr_ports import BadInput, ReasonCode

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


def read_yaml_file(path: Traversable) -> Any:
    """A YAML file of a pack. Raises `BadInput`, `PACK_INVALID` or of a bound, naming file and place."""
    data = read_config(path, ReasonCode.PACK_INVALID, "interface pack file")
    try:
        return load_yaml(data, what=str(path))
    except BadInput as error:
        raise BadInput(code_of(error, ReasonCode.PACK_INVALID), error.what) from error
