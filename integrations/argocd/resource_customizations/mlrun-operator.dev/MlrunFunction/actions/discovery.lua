return {["create-run"] = {displayName = "Create Run", iconClass = "fa fa-fw fa-plus"}}
