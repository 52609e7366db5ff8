"""The local web application in which people judge findings by listening."""
