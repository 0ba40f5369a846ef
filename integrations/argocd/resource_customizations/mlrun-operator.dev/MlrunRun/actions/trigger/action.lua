-- Any new text in spec.rerun of a schedule makes a run at once.
local os = require("os")

obj.spec.rerun = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
