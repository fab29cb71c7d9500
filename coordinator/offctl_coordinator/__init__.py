"""The coordinator: serves signed releases and keeps reports; holds no key that can sign state."""
