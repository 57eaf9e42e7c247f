"""The HTTP service, the command line and the pages."""

from starlette.convertors import PathConvertor, register_url_convertor


class _WholePath(PathConvertor):
    """Line breaks too: without them an id that holds one would be on no route, and under no rule."""

    regex = "(?s:.*)"


# Before any route is made: routes read their patterns when they are defined.
register_url_convertor("path", _WholePath())
