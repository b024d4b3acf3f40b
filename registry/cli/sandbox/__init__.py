"""The sandbox: a complete node with made-up members, people and history.

Promises: nobody in it exists (numbers of the range kept for fiction, addresses
of example domains); every call goes over HTTP through the SDK, as a platform's
would; the published identifiers keep their outcomes for weeks.
Never: touches a live node's directory.

    setting_up (node, members, profiles) -> people (who did what when)
        -> history (files it, with the clock moved) -> walk (the main job, in steps)

Sources: NANPA, 555-0100 to 555-0199 (numbers for fiction); RFC 2606.
"""
