"""A folder of data, described: which outputs it holds, by which templates, on which days."""
