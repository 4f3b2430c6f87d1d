#!/usr/bin/env python3
"""Fills a freshly bootstrapped Directus 12 with the content model that the tests know.

    tests/directus/seed.py BASE_URL ADMIN_TOKEN

It has what a gateway has to be tried on: one-to-many with both deselect actions, many-to-many, many-to-any, a singleton,
fields that must stay hidden (each row's value is unique and telling), system relations, roles of every strength, and
manual flows. `../fixtures/schema` is what this model looks like over REST. The first request that fails ends the program.
"""

import base64
import json
import sys
import urllib.error
import urllib.request

BASE, TOKEN = sys.argv[1], sys.argv[2]


def call(method, path, body=None):
    content = None if body is None else json.dumps(body).encode()
    return send(method, path, content, "application/json")


def send(method, path, content, content_type):
    request = urllib.request.Request(BASE + path, content, method=method)
    request.add_header("Authorization", f"Bearer {TOKEN}")
    if content is not None:
        request.add_header("Content-Type", content_type)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            text = response.read()
    except urllib.error.HTTPError as error:
        sys.exit(f"seed.py: {method} {path}: {error.code} {error.read().decode()[:400]}")
    return json.loads(text).get("data") if text else None


# ---- the content model


def field(name, kind="string", special=None, **meta):
    meta = {"interface": "input", **meta}
    if special:
        meta["special"] = [special]
    return {"field": name, "type": kind, "meta": meta, "schema": None if kind == "alias" else {}}


def collection(name, *fields, **meta):
    key = {
        "field": "id",
        "type": "integer",
        "meta": {"hidden": True, "interface": "input", "readonly": True},
        "schema": {"is_primary_key": True, "has_auto_increment": True},
    }
    call("POST", "/collections", {"collection": name, "fields": [key, *fields], "schema": {}, "meta": meta})


def relation(
    many, name, one, one_field=None, deselect="nullify", on_delete="SET NULL", junction=None, **more
):
    meta = {
        "one_field": one_field,
        "one_deselect_action": deselect,
        "sort_field": None,
        "junction_field": junction,
        **more,
    }
    schema = {"on_delete": on_delete} if one else None
    body = {"collection": many, "field": name, "related_collection": one, "schema": schema, "meta": meta}
    call("POST", "/relations", body)


def collections():
    collection(
        "authors",
        field("name"),
        field("email"),
        field("password", note="secret of an author"),
        field("articles", "alias", "o2m", interface="list-o2m"),
    )
    collection(
        "articles",
        field("title"),
        field("slug"),
        field("body", "text"),
        field("status"),
        field("price", "integer"),
        field("published_on", "timestamp"),
        field("secret_note", "text", note="HIDDEN field"),
        field("meta", "json", "cast-json"),
        field("author", "integer", "m2o", interface="select-dropdown-m2o"),
        field("cover", "uuid", "file", interface="file-image"),
        field("user_created", "uuid", "user-created", readonly=True, hidden=True),
        field("user_updated", "uuid", "user-updated", readonly=True, hidden=True),
        field("date_created", "timestamp", "date-created", hidden=True),
        field("comments", "alias", "o2m", interface="list-o2m"),
        field("reviews", "alias", "o2m", interface="list-o2m"),
        field("tags", "alias", "m2m", interface="list-m2m"),
        field("blocks", "alias", "m2a", interface="list-m2a"),
        versioning=True,
        accountability="all",
    )
    collection("comments", field("text"), field("moderation_note"), field("article", "integer", "m2o"))
    collection("reviews", field("text"), field("score", "integer"), field("article", "integer", "m2o"))
    collection("tags", field("name"), field("secret_code"))
    collection("articles_tags", field("articles_id", "integer"), field("tags_id", "integer"), hidden=True)
    collection("block_text", field("content", "text"), field("internal"))
    collection("block_secret", field("payload"))
    collection(
        "articles_blocks", field("articles_id", "integer"), field("item"), field("collection"), hidden=True
    )
    collection("site_settings", field("title"), field("api_key"), singleton=True)
    collection(
        "customers",
        field("name"),
        field("email"),
        field("ssn"),
        field("internal_notes", "text"),
        field("birth", "date"),
        field("profile", "json", "cast-json"),
        field("orders", "alias", "o2m"),
    )
    collection("orders", field("total", "integer"), field("card"), field("customer", "integer", "m2o"))
    collection(
        "prompts",
        field("name"),
        field("description"),
        field("system_prompt", "text"),
        field("messages", "json", "cast-json"),
    )
    # It points to a system collection, which gets a one-to-many alias back.
    collection("profiles", field("bio"), field("user", "uuid", "m2o"))
    call("POST", "/fields/directus_users", field("profiles", "alias", "o2m", interface="list-o2m"))


def relations():
    relation("articles", "author", "authors", "articles")
    relation("articles", "cover", "directus_files")
    relation("articles", "user_created", "directus_users", on_delete="NO ACTION")
    relation("articles", "user_updated", "directus_users", on_delete="NO ACTION")
    relation("comments", "article", "articles", "comments")
    # What leaves an article's `reviews` is deleted, not only unlinked.
    relation("reviews", "article", "articles", "reviews", deselect="delete")
    relation("articles_tags", "articles_id", "articles", "tags", junction="tags_id")
    relation("articles_tags", "tags_id", "tags", junction="articles_id")
    relation("articles_blocks", "articles_id", "articles", "blocks", junction="item")
    relation(
        "articles_blocks",
        "item",
        None,
        junction="articles_id",
        one_allowed_collections=["block_text", "block_secret"],
        one_collection_field="collection",
    )
    relation("orders", "customer", "customers", "orders", on_delete="CASCADE")
    relation("profiles", "user", "directus_users", "profiles")


# ---- who may do what, in Directus itself

CONTENT = [
    "articles",
    "authors",
    "comments",
    "reviews",
    "tags",
    "articles_tags",
    "block_text",
    "block_secret",
    "articles_blocks",
    "site_settings",
]
MEDIA = ["directus_files", "directus_folders"]
ALL = ["create", "read", "update", "delete"]


def permissions(names, actions):
    # The free licence takes neither field lists nor filters.
    return [
        {"collection": name, "action": action, "fields": ["*"], "permissions": {}, "validation": {}}
        for name in names
        for action in actions
    ]


POLICIES = {
    "Content Editor": permissions([*CONTENT, *MEDIA], ALL)
    + permissions(["directus_users", "directus_flows", "prompts"], ["read"]),
    "Read Only": permissions([*CONTENT, "customers", "orders", *MEDIA, "prompts", "directus_flows"], ["read"]),
    "Developer": [],  # an administrator
    "Minimal": [],
    "Direct": permissions(["articles"], ["read"]),  # goes to a user without a role
}
USERS = [
    ("editor@example.com", "editor-token", "Content Editor"),
    ("ro@example.com", "readonly-token", "Read Only"),
    ("dev@example.com", "dev-token", "Developer"),
    ("min@example.com", "min-token", "Minimal"),
    ("norole@example.com", "norole-token", None),
]


def access_control():
    policies, roles = {}, {}
    for name, rules in POLICIES.items():
        body = {"name": name, "admin_access": name == "Developer", "app_access": False, "icon": "badge"}
        policies[name] = call("POST", "/policies", body)["id"]
        for rule in rules:
            call("POST", "/permissions", {**rule, "policy": policies[name]})
    for name in ["Content Editor", "Read Only", "Developer", "Minimal"]:
        roles[name] = call("POST", "/roles", {"name": name})["id"]
        call("POST", "/access", {"role": roles[name], "policy": policies[name]})
    for email, token, role in USERS:
        body = {
            "email": email,
            "password": "Passw0rd!x",
            "token": token,
            "role": roles.get(role),
            "status": "active",
            "first_name": email.split("@", maxsplit=1)[0],
        }
        user = call("POST", "/users", body)["id"]
        if role is None:
            call("POST", "/access", {"user": user, "policy": policies["Direct"]})


# ---- the rows


def rows(name, *items):
    call("POST", f"/items/{name}", list(items))


def article(i):
    return {
        "id": i,
        "title": f"Article {i}",
        "slug": f"article-{i}",
        "body": "body",
        "status": "published" if i % 2 else "draft",
        "price": i * 10,
        "published_on": f"202{i % 5}-01-01T00:00:00Z",
        "secret_note": f"ARTSECRET-{i}",
        "meta": {"k": f"METASECRET-{i}", "color": "red"},
        "author": 1 if i < 4 else 2,
    }


def customer(i):
    return {
        "id": i,
        "name": f"Cust {i}",
        "email": f"CUSTEMAIL-{i}",
        "ssn": f"SSN-000-{i}",
        "internal_notes": f"INTNOTE-{i}",
        "birth": f"19{70 + i}-0{i}-01",
        "profile": {"vip": f"VIPSECRET-{i}"},
    }


def of_article(i):
    return 1 if i < 4 else 2


def items():
    rows(
        "authors",
        *({"id": i, "name": f"Author {i}", "email": f"a{i}@ex.com", "password": f"AUTHORPW-{i}"} for i in (1, 2)),
    )
    rows("tags", *({"id": i, "name": f"tag{i}", "secret_code": f"TAGSECRET-{i}"} for i in (1, 2, 3)))
    rows("block_text", *({"id": i, "content": f"text{i}", "internal": f"BLOCKINT-{i}"} for i in (1, 2)))
    rows("block_secret", {"id": 1, "payload": "BLOCKSECRET-1"})
    rows("articles", *map(article, range(1, 7)))
    rows(
        "comments",
        *(
            {"id": i, "text": f"comment {i}", "moderation_note": f"MODNOTE-{i}", "article": of_article(i)}
            for i in range(1, 6)
        ),
    )
    rows(
        "reviews",
        *({"id": i, "text": f"REVIEWTEXT-{i}", "score": i, "article": of_article(i)} for i in range(1, 6)),
    )
    rows("articles_tags", *({"id": i, "articles_id": 1, "tags_id": i} for i in (1, 2)))
    rows(
        "articles_blocks",
        {"id": 1, "articles_id": 1, "item": "1", "collection": "block_text"},
        {"id": 2, "articles_id": 1, "item": "1", "collection": "block_secret"},
    )
    rows("customers", *map(customer, (1, 2, 3)))
    rows(
        "orders",
        *({"id": i, "total": i * 100, "card": f"CARD-{i}", "customer": 1 if i < 3 else 2} for i in range(1, 5)),
    )
    greeting = [{"role": "user", "text": "hello {{name}} {{who}}"}]
    rows(
        "prompts",
        {"id": 1, "name": "greet", "description": "d", "system_prompt": "You greet {{name}}", "messages": greeting},
        {"id": 2, "name": "hidden", "description": "PROMPTSECRET", "system_prompt": "PROMPTSYS-2", "messages": []},
    )
    rows("profiles", {"id": 1, "bio": "PROFILEBIO-1", "user": call("GET", "/users/me?fields=id")["id"]})
    call("PATCH", "/items/site_settings", {"title": "My site", "api_key": "APIKEY-1"})
    call("PATCH", "/items/articles/1", {"cover": upload("seed.png")})


PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def upload(name):
    disposition = "Content-Disposition: form-data; name="
    body = (
        f'--frontier\r\n{disposition}"title"\r\n\r\n{name}\r\n'
        f'--frontier\r\n{disposition}"file"; filename="{name}"\r\nContent-Type: image/png\r\n\r\n'
    ).encode() + PNG + b"\r\n--frontier--\r\n"
    return send("POST", "/files", body, "multipart/form-data; boundary=frontier")["id"]


# ---- flows: four, because the free licence allows five active ones and a test may want to add one

ANYTIME = {"collections": ["articles"], "requireSelection": False, "async": False}
ON_SELECTION = {**ANYTIME, "requireSelection": True}

# Their ids are those of the measured calls in ../fixtures/calls.jsonl, where these name one.
FLOWS = [
    (
        "manual-log",
        "5c7b1f0e-0000-4000-8000-000000000001",
        {**ANYTIME, "location": "both"},
        ("log", "log", {"message": "{{$trigger}}"}),
    ),
    (
        "manual-echo",
        "f256e869-0fc3-469b-af60-b9aae29185ea",
        {**ANYTIME, "return": "$last"},
        (
            "echo",
            "transform",
            {"json": '{"echo":"{{$trigger.body}}","hdr":"{{$trigger.headers}}","q":"{{$trigger.query}}"}'},
        ),
    ),
    (
        "manual-delete",
        "9b21fcd6-76a2-4ea3-81f6-d10a68f9373b",
        {**ON_SELECTION, "return": "$last"},
        (
            "del",
            "item-delete",
            {"collection": "comments", "permissions": "$full", "key": "{{$trigger.body.keys}}", "emitEvents": False},
        ),
    ),
    (
        "manual-read-customers",
        "5c7b1f0e-0000-4000-8000-000000000002",
        {**ANYTIME, "return": "$last"},
        ("rd", "item-read", {"collection": "customers", "permissions": "$full", "query": {"fields": ["*"]}}),
    ),
]


def flows():
    for name, flow, trigger, (key, kind, options) in FLOWS:
        state = {"status": "active", "trigger": "manual", "accountability": "all", "options": trigger}
        call("POST", "/flows", {"id": flow, "name": name, **state})
        place = {"position_x": 19, "position_y": 1}
        operation = {"flow": flow, "key": key, "name": key, "type": kind, "options": options, **place}
        call("PATCH", f"/flows/{flow}", {"operation": call("POST", "/operations", operation)["id"]})


def switches():
    call(
        "PATCH",
        "/settings",
        {
            "mcp_enabled": True,
            "mcp_allow_deletes": False,  # `start` sets it
            "mcp_oauth_enabled": True,
            "mcp_oauth_dcr_enabled": True,
            "mcp_prompts_collection": "prompts",
            "mcp_system_prompt_enabled": True,
            "project_name": "Warrener tests",
        },
    )


def saved_version():
    version = call("POST", "/versions", {"key": "wip", "name": "wip", "collection": "articles", "item": "1"})
    secret = {"title": "VERSIONTITLE-1", "secret_note": "VERSIONSECRET-1"}
    call("POST", f"/versions/{version['id']}/save", secret)


for step in (collections, relations, access_control, items, flows, switches, saved_version):
    step()
    print("seeded", step.__name__)
