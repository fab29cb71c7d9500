"""Taking over a live host: from what is there to the text of a site that changes nothing.

The planner is the judge: whatever would give it a step is left out of the text, with the reason.
"""
