"""Evidence packs for auditors, and spot checks of findings by people."""
