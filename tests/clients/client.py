"""The Python SDK's client: one session with a Directus MCP endpoint, direct or through the gateway.

    MCP_URL=http://127.0.0.1:8080/mcp MCP_KEY=… $(tests/clients/install python)/venv/bin/python tests/clients/client.py

Which SDK it is, is up to the interpreter: 2.x (`python`), or 1.x (`python-before`). MCP_ERA is `modern`, which only 2.x speaks: as it
does by default, it asks for `server/discover` first, and falls back to `initialize` where the server does not know it. Or it is `legacy`.
MCP_NAME is what it calls itself.

One JSON line a step: initialize, tools/list, read, update, delete. A refused tool call is a result like any other; the
exit code is 1 where the session itself broke.
"""

import asyncio
import contextlib
import json
import os

import mcp

NAME = os.environ.get("MCP_NAME", "python-sdk")
HEADERS = {"Authorization": f"Bearer {os.environ['MCP_KEY']}"}


def show(step, **essentials):
    print(json.dumps({"step": step, **essentials}), flush=True)


def either(thing, new, old):
    """An attribute that 2.x has under another name than 1.x."""
    return getattr(thing, new) if hasattr(thing, new) else getattr(thing, old)


async def call(client, step, **arguments):
    result = await client.call_tool("items", arguments)
    text = "".join(getattr(part, "text", "") for part in result.content)
    show(step, isError=bool(either(result, "is_error", "isError")), text=text)


async def session(client):
    tools = (await client.list_tools()).tools
    schemas = {tool.name: either(tool, "input_schema", "inputSchema") for tool in tools}
    actions = {name: schema.get("properties", {}).get("action", {}).get("enum", []) for name, schema in schemas.items()}
    show("tools/list", actions=actions)
    articles = {"collection": "articles", "keys": [3]}
    back = {"query": {"fields": ["id", "title"]}}
    await call(client, "read", action="read", **articles, **back)
    await call(client, "update", action="update", data={"title": f"Retitled by {NAME}"}, **articles, **back)
    await call(client, "delete", action="delete", collection="articles", keys=[6])


@contextlib.asynccontextmanager
async def newer():
    from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client

    mode = "auto" if os.environ.get("MCP_ERA") == "modern" else "legacy"
    async with create_mcp_http_client(headers=HEADERS) as http:
        transport = streamable_http_client(os.environ["MCP_URL"], http_client=http)
        async with mcp.Client(transport, mode=mode, client_info=mcp.Implementation(name=NAME, version="1")) as client:
            server = {"name": client.server_info.name, "version": client.server_info.version}
            show("initialize", server=server, protocol=client.protocol_version)
            yield client


@contextlib.asynccontextmanager
async def older():
    from mcp.client.streamable_http import streamablehttp_client
    from mcp.types import Implementation

    async with streamablehttp_client(os.environ["MCP_URL"], headers=HEADERS) as (read, write, _):
        async with mcp.ClientSession(read, write, client_info=Implementation(name=NAME, version="1")) as client:
            told = await client.initialize()
            server = {"name": told.serverInfo.name, "version": told.serverInfo.version}
            show("initialize", server=server, protocol=told.protocolVersion)
            yield client


async def main():
    async with newer() if hasattr(mcp, "Client") else older() as client:
        await session(client)


asyncio.run(main())
