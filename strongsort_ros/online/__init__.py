"""From serialised messages to tracked frames: what the tracker node and the replay share."""
