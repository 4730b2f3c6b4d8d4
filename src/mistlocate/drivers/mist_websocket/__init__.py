"""MistWebsocket: holds the live stream and the REST API of a Mist site."""
