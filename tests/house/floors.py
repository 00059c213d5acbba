"""The floors of the house: a test holds the imports to them; a script draws them."""

#: Each floor -> its modules and folders, and the floors that it may import from.
FLOORS = {
    "face": (". magic pytest_plugin", "lab verbs display drive beside core"),
    "lab": ("offline lab course", "verbs display drive beside core"),
    "verbs": ("_show _ask _events _live chat web", "display drive beside core"),
    "display": ("markdown screens static", "drive beside core"),
    "drive": ("streams _player _stop _retry _timeout", "core"),
    "beside": ("requests tools tool_runs structured structured_items", "core"),
    "core": (
        "types sse errors _keys _failures _reader _resumption _windows _workers "
        "providers reply",
        "",
    ),
}
