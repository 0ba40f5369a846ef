"""The store from where the user is: his own way to it, or a fetch run's log."""
