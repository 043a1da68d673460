"""A notebook's connection to its kernel, without a browser."""

from __future__ import annotations


class Tab:
    """Runs cells in one kernel of a manager, also after a restart."""

    def __init__(self, manager, kernel_id):
        self.id, self._manager = kernel_id, manager
        self.count = None

    async def run(self, source):
        """Run a cell; return what it printed, and the name of its error. Its number is then in `count`."""
        said = []

        def listen(message):
            if message["msg_type"] in ("stream", "error"):
                content = message["content"]
                said.append(content.get("text") or content.get("ename"))

        client = self._manager.get_kernel(self.id).client()
        client.start_channels()
        try:
            await client.wait_for_ready(timeout=60)
            reply = await client.execute_interactive(source, allow_stdin=False, output_hook=listen, timeout=120)
            self.count = reply["content"]["execution_count"]
        finally:
            client.stop_channels()
        return said
