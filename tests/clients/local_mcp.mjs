// A Local MCP in small, on the TypeScript SDK's own server: it speaks stdio as that does, and to a real Directus over REST.
//
//   DIRECTUS_URL=… DIRECTUS_TOKEN=… node tests/clients/local_mcp.mjs HOME      (HOME as printed by tests/clients/install typescript-before)
//
// The tools are named as those of Directus' Local MCP, take what those take, and do what those do.
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const sdk = createRequire(join(process.argv[2], "package.json"));
const load = (name) => import(pathToFileURL(sdk.resolve(`@modelcontextprotocol/sdk/${name}`)).href.replace("/dist/cjs/", "/dist/esm/"));
const { Server } = await load("server/index.js");
const { StdioServerTransport } = await load("server/stdio.js");
const { CallToolRequestSchema, ListToolsRequestSchema } = await load("types.js");

const { DIRECTUS_URL, DIRECTUS_TOKEN } = process.env;

async function directus(method, path, body) {
  const headers = { Authorization: `Bearer ${DIRECTUS_TOKEN}`, "Content-Type": "application/json" };
  const reply = await fetch(new URL(path, DIRECTUS_URL), { method, headers, body: body && JSON.stringify(body) });
  const text = await reply.text();
  if (!reply.ok) throw new Error(text);
  return text ? JSON.parse(text).data : null;
}

const query = (query) =>
  "?" + new URLSearchParams(Object.entries(query ?? {}).map(([key, value]) => [key, typeof value === "object" && key !== "fields" ? JSON.stringify(value) : String(value)]));

const tools = {
  "read-items": ({ collection, query: asked }) => directus("GET", `/items/${collection}${query(asked)}`),
  "update-item": ({ collection, id, data, query: asked }) => directus("PATCH", `/items/${collection}/${id}${query(asked)}`, data),
  "delete-item": ({ collection, id }) => directus("DELETE", `/items/${collection}/${id}`),
};

const server = new Server({ name: "Directus MCP Server", version: "0.0.1" }, { capabilities: { tools: {}, resources: {}, prompts: {} } });
server.setRequestHandler(ListToolsRequestSchema, () => ({
  tools: Object.keys(tools).map((name) => ({ name, description: name, inputSchema: { type: "object", properties: {} } })),
}));
server.setRequestHandler(CallToolRequestSchema, async ({ params }) => {
  try {
    const data = await tools[params.name](params.arguments);
    return { content: [{ type: "text", text: JSON.stringify(data, null, 2) }] };
  } catch (error) {
    console.error(error);
    return { content: [{ type: "text", text: error.message }], isError: true };
  }
});
await server.connect(new StdioServerTransport());
