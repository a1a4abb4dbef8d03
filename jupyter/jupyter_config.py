"""What every Jupyter program of the project shares."""

c = get_config()  # noqa: F821 - traitlets puts it there

c.KernelManager.transport_encryption = "auto"  # or a recent ipykernel warns of eavesdroppers at each start
