"""The files of DigitalHub and MLRun as our resources. Pure: the one place of their conversion."""
