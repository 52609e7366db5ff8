"""What happens in a call, found from turns, activity and sounds."""
