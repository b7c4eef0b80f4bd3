"""A live module whose writes fail on demand."""

import contextlib


class BreakableLive:
    """The SDK's live module, whose next writes can be made to fail though the socket is open."""

    def __init__(self, live):
        self.live = live
        self.vertexai = live.vertexai
        self.errors = []
        self.blocked = None

    @contextlib.asynccontextmanager
    async def connect(self, *, model, config):
        async with self.live.connect(model=model, config=config) as session:
            for name in ("send_client_content", "send_realtime_input", "send_tool_response"):
                setattr(session, name, self.breakable(getattr(session, name)))
            yield session

    def breakable(self, send):
        async def breaking(**arguments):
            if self.errors:
                raise self.errors.pop()
            if self.blocked is not None and not self.blocked.is_set():
                await self.blocked.wait()
                if self.errors:
                    raise self.errors.pop()
            await send(**arguments)

        return breaking
