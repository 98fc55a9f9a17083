"""Score many settings on the same recordings: ablation and tuning."""
