"""The networks and the arithmetic by which voices on one channel are told apart."""
