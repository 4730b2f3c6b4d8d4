"""The embedded engine: one machine, one settings file, modules in this process, an API on HTTP."""
