#!/bin/sh
# The API with nothing but curl. Usage: sh examples/curl.sh [EMAIL]
set -eu
api="${MISTLOCATE_URL:-http://127.0.0.1:8680}/api/engine/v2"
call() { curl --silent --show-error --fail --header "X-API-Key: ${MISTLOCATE_API_KEY:-}" --header 'Content-Type: application/json' "$@"; echo; }

echo "systems:";  call "$api/systems"
echo "state:";    call "$api/systems/sys-location/MistWebsocket_1/stream_state"
echo "maps:";     call --data '[]' "$api/systems/sys-location/MistWebsocket_1/maps"
echo "located:";  call --data "{\"email\": \"${1:-alice@example.com}\"}" "$api/systems/sys-location/MistLocations_1/locate_user"
