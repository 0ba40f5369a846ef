"""Argo CD's Lua as far as scripts can tell: 5.1 with base, table and a little of os; objects go in and come out."""

from typing import Any

from lupa import lua51  # type: ignore[import-untyped]

# Argo CD's clock, stopped: what its own tests put in the place of a time.
NOW = "0001-01-01T00:00:00Z"
_SANDBOX = f"""
getmetatable("").__index = nil
local kept = {{assert=1, error=1, ipairs=1, next=1, pairs=1, select=1, setmetatable=1, getmetatable=1, tonumber=1,
  tostring=1, type=1, unpack=1, pcall=1, rawget=1, rawset=1, table=1, _G=1}}
for name in pairs(_G) do
  if not kept[name] then _G[name] = nil end
end
os = {{date = function() return "{NOW}" end, time = function() return -62135596800 end}}
require = function(name) assert(name == "os", "only os can be required"); return os end
"""


def run_script(script: str, obj: dict[str, Any]) -> Any:
    """What a script returns of an object, as JSON would say it. Raises LuaError where Argo CD would refuse it."""
    lua = lua51.LuaRuntime(register_eval=False, register_builtins=False, unpack_returned_tuples=True)
    lua.execute(_SANDBOX)
    lua.globals().obj = lua.table_from(obj, recursive=True)
    return _plain(lua.execute(script))


def cleaned(made: Any, before: Any) -> Any:
    """Lua has one empty table: an empty list in the place of a map is that map, as Argo CD sees it, too."""
    if isinstance(before, dict) and made == []:
        return {}
    if isinstance(made, dict) and isinstance(before, dict):
        return {key: cleaned(value, before.get(key)) for key, value in made.items()}
    return made


def _plain(value: Any) -> Any:
    if lua51.lua_type(value) != "table":
        return value
    keys = list(value)
    if keys == list(range(1, len(keys) + 1)):
        return [_plain(value[key]) for key in keys]
    return {str(key): _plain(value[key]) for key in keys}
