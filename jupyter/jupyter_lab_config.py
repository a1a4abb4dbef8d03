"""How `make lab` runs JupyterLab. What the browser may load is said in labconfig/page_config.json."""

c = get_config()  # noqa: F821 - traitlets puts it there

c.ServerApp.ip = "127.0.0.1"  # a laboratory of one machine, whatever the user's own configuration says
c.ServerApp.root_dir = "."  # likewise: the lessons and the data are where `make` is called
c.ServerApp.allow_root = True  # who tries this in a container is root; loopback and the token guard the server
