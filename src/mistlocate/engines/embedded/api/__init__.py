"""The engine's API: HTTP and the control socket, on the paths of PlaceOS."""
