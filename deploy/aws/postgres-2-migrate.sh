#!/bin/sh
# Lays the authority's tables, or brings them up to date: a step of its own, before the workers of a new release start.
# OWNER_DSN: postgresql://scenario_runner_owner@HOST:5432/DATABASE?sslmode=verify-full&sslrootcert=/etc/ssl/rds/global-bundle.pem
# The other variables of the profile aws are those of a worker.
set -eu
SR_PG_DSN="${OWNER_DSN:?the DSN of scenario_runner_owner}" exec sr --profile "${SR_PROFILE:-aws}" doctor --migrate
