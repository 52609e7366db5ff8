"""What comes after the night: judging again, evidence for auditors, spot checks by people."""
