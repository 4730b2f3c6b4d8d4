"""HTTP and WebSocket: the only files that import httpx or the websockets client. One connection each, no policy."""
