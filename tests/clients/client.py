"""The Python SDK's client: one session with a Directus MCP endpoint, direct or through the gateway.

    MCP_URL=http://127.0.0.1:8080/mcp MCP_KEY=… $(tests/clients/install)/venv/bin/python tests/clients/client.py
    $(tests/clients/install)/venv/bin/python tests/clients/client.py --stdio COMMAND…

One JSON line a step: initialize, tools/list, read, update, delete. A refused tool call is a result like any other; the
exit code is 1 where the session itself broke. The client asks for `server/discover` first, as it does by default, and
falls back to `initialize` where the server does not know it.
"""

import asyncio
import json
import os
import sys

from mcp import Client, Implementation
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import create_mcp_http_client, streamable_http_client


def show(step, **essentials):
    print(json.dumps({"step": step, **essentials}), flush=True)


async def call(client, step, **arguments):
    result = await client.call_tool("items", arguments)
    text = "".join(getattr(part, "text", "") for part in result.content)
    show(step, isError=bool(result.is_error), text=text)


async def session(client):
    server = {"name": client.server_info.name, "version": client.server_info.version}
    show("initialize", server=server, protocol=client.protocol_version)
    tools = (await client.list_tools()).tools
    actions = {tool.name: tool.input_schema.get("properties", {}).get("action", {}).get("enum", []) for tool in tools}
    show("tools/list", actions=actions)
    articles = {"collection": "articles", "keys": [3]}
    back = {"query": {"fields": ["id", "title"]}}
    await call(client, "read", action="read", **articles, **back)
    await call(client, "update", action="update", data={"title": "Retitled by python-sdk"}, **articles, **back)
    await call(client, "delete", action="delete", collection="articles", keys=[6])


async def over(transport):
    async with Client(transport, client_info=Implementation(name="python-sdk", version="1")) as client:
        await session(client)


async def main():
    if sys.argv[1:2] == ["--stdio"]:
        command, *arguments = sys.argv[2:]
        await over(stdio_client(StdioServerParameters(command=command, args=arguments, env=dict(os.environ))))
        return
    headers = {"Authorization": f"Bearer {os.environ['MCP_KEY']}"}
    async with create_mcp_http_client(headers=headers) as http:
        await over(streamable_http_client(os.environ["MCP_URL"], http_client=http))


asyncio.run(main())
