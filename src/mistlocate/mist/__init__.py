"""The Juniper Mist cloud: hosts, REST, stream. It knows no driver and no engine."""
