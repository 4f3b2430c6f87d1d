//! `warrener connect`: what each client is told, for each way in.

use super::Desk;
use std::os::unix::fs::{PermissionsExt as _, symlink};

/// What it answers, for a user whose home is the desk.
async fn connect(desk: &Desk, line: &str) -> String {
    desk.run_with(&format!("connect {line}"), &format!("HOME={}", desk.folder.path().display())).await
}

#[tokio::test]
async fn chatgpt_signs_in() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "chatgpt --server https://cms.example.com/mcp").await, @r#"
    exit code 0
    --- output
    ChatGPT by Directus' own sign-in (OAuth)

    1. Have the gateway at Directus' public address: `PUBLIC_URL` is `https://cms.example.com`, OAuth is on in Directus, and the proxy there sends exactly `/mcp` to the gateway and all else to Directus.

    2. In Settings, Apps & Connectors, turn on the developer mode under Advanced settings, and choose Create.

    3. Take the name `directus`, the MCP Server URL `https://cms.example.com/mcp`, and OAuth as the authentication, with Dynamic Client Registration.

    4. Sign in to Directus in the browser when it asks, and approve.
    "#);
}

#[tokio::test]
async fn chatgpt_with_a_key_in_the_address() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "chatgpt --auth url-key --server https://gateway.example.com").await, @r#"
    exit code 0
    --- output
    ChatGPT by a key in the address

    1. Make a key that is taken in the address and nowhere else, and that ends:

       warrener key new chatgpt --role ROLE --in-url --expires 30d

    2. Keep it out of logs. The gateway strips it before it writes anything, but whatever stands in front of it sees the whole address: have the TLS proxy and the load balancer log the path without the query (nginx: `$uri` in place of `$request`), and expect the client's maker to keep the address too.

    3. In Settings, Apps & Connectors, turn on the developer mode under Advanced settings, and choose Create.

    4. Take the name `directus`, the MCP Server URL `https://gateway.example.com/mcp?access_token=KEY`, and no authentication.
    "#);
}

#[tokio::test]
async fn claude_desktop_starts_a_bridge() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "claude-desktop").await, @r#"
    exit code 0
    --- output
    Claude Desktop by a bridge that it starts

    1. Make a key, in a file that only you can read:

       (umask 077; mkdir -p [DIR]/.config/warrener && warrener key new claude-desktop --role ROLE > [DIR]/.config/warrener/directus.key)

    2. Put this into [DIR]/.config/Claude/claude_desktop_config.json (`--write` does):

       {
         "mcpServers": {
           "directus": {
             "command": "warrener",
             "args": [
               "stdio",
               "--server",
               "http://127.0.0.1:8080/mcp",
               "--key-file",
               "[DIR]/.config/warrener/directus.key"
             ]
           }
         }
       }

    3. Quit Claude Desktop and start it again. Where it does not find the command, give the whole path with `--command`.
    "#);
}

#[tokio::test]
async fn claude_desktop_signs_in() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "claude-desktop --auth oauth --server https://cms.example.com/mcp").await, @r#"
    exit code 0
    --- output
    Claude Desktop by Directus' own sign-in (OAuth)

    1. Have the gateway at Directus' public address: `PUBLIC_URL` is `https://cms.example.com`, OAuth is on in Directus, and the proxy there sends exactly `/mcp` to the gateway and all else to Directus.

    2. In Settings, Connectors, choose Add custom connector: the name `directus`, the URL `https://cms.example.com/mcp`.

    3. Sign in to Directus in the browser when it asks, and approve.
    "#);
}

#[tokio::test]
async fn claude_desktop_with_a_key_in_the_address() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "claude-desktop --auth url-key --server https://gateway.example.com").await, @r#"
    exit code 0
    --- output
    Claude Desktop by a key in the address

    1. Make a key that is taken in the address and nowhere else, and that ends:

       warrener key new claude-desktop --role ROLE --in-url --expires 30d

    2. Keep it out of logs. The gateway strips it before it writes anything, but whatever stands in front of it sees the whole address: have the TLS proxy and the load balancer log the path without the query (nginx: `$uri` in place of `$request`), and expect the client's maker to keep the address too.

    3. In Settings, Connectors, choose Add custom connector: the name `directus`, the URL `https://gateway.example.com/mcp?access_token=KEY`.
    "#);
}

#[tokio::test]
async fn cursor_with_a_key() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "cursor").await, @r#"
    exit code 0
    --- output
    Cursor by a key in a header

    1. Make a key, and have it in `WARRENER_KEY` where Cursor is started:

       warrener key new cursor --role ROLE

    2. Put this into [DIR]/.cursor/mcp.json (`--write` does):

       {
         "mcpServers": {
           "directus": {
             "url": "http://127.0.0.1:8080/mcp",
             "headers": {
               "Authorization": "Bearer ${env:WARRENER_KEY}"
             }
           }
         }
       }

    3. Or open this link, and Cursor asks before it installs it:

       cursor://anysphere.cursor-deeplink/mcp/install?name=directus&config=eyJ1cmwiOiJodHRwOi8vMTI3LjAuMC4xOjgwODAvbWNwIiwiaGVhZGVycyI6eyJBdXRob3JpemF0aW9uIjoiQmVhcmVyICR7ZW52OldBUlJFTkVSX0tFWX0ifX0%3D

    4. Restart Cursor; its settings show the server under MCP.
    "#);
}

#[tokio::test]
async fn cursor_signs_in() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "cursor --auth oauth --server https://cms.example.com/mcp").await, @r#"
    exit code 0
    --- output
    Cursor by Directus' own sign-in (OAuth)

    1. Have the gateway at Directus' public address: `PUBLIC_URL` is `https://cms.example.com`, OAuth is on in Directus, and the proxy there sends exactly `/mcp` to the gateway and all else to Directus.

    2. Put this into [DIR]/.cursor/mcp.json (`--write` does):

       {
         "mcpServers": {
           "directus": {
             "url": "https://cms.example.com/mcp"
           }
         }
       }

    3. Or open this link, and Cursor asks before it installs it:

       cursor://anysphere.cursor-deeplink/mcp/install?name=directus&config=eyJ1cmwiOiJodHRwczovL2Ntcy5leGFtcGxlLmNvbS9tY3AifQ%3D%3D

    4. Sign in to Directus in the browser when it asks, and approve.
    "#);
}

#[tokio::test]
async fn cursor_starts_a_bridge() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "cursor --auth stdio --key-env CMS_KEY").await, @r#"
    exit code 0
    --- output
    Cursor by a bridge that it starts

    1. Make a key, and have it in `CMS_KEY` where Cursor is started:

       warrener key new cursor --role ROLE

    2. Put this into [DIR]/.cursor/mcp.json (`--write` does):

       {
         "mcpServers": {
           "directus": {
             "command": "warrener",
             "args": [
               "stdio",
               "--server",
               "http://127.0.0.1:8080/mcp"
             ],
             "env": {
               "WARRENER_KEY": "${env:CMS_KEY}"
             }
           }
         }
       }

    3. Or open this link, and Cursor asks before it installs it:

       cursor://anysphere.cursor-deeplink/mcp/install?name=directus&config=eyJjb21tYW5kIjoid2FycmVuZXIiLCJhcmdzIjpbInN0ZGlvIiwiLS1zZXJ2ZXIiLCJodHRwOi8vMTI3LjAuMC4xOjgwODAvbWNwIl0sImVudiI6eyJXQVJSRU5FUl9LRVkiOiIke2VudjpDTVNfS0VZfSJ9fQ%3D%3D

    4. Restart Cursor; its settings show the server under MCP.
    "#);
}

#[tokio::test]
async fn claude_code_with_a_key() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "claude-code").await, @r#"
    exit code 0
    --- output
    Claude Code by a key in a header

    1. Make a key, and have it in `WARRENER_KEY` where Claude Code is started:

       warrener key new claude-code --role ROLE

    2. Put this into .mcp.json (`--write` does):

       {
         "mcpServers": {
           "directus": {
             "type": "http",
             "url": "http://127.0.0.1:8080/mcp",
             "headers": {
               "Authorization": "Bearer ${WARRENER_KEY}"
             }
           }
         }
       }

    3. Or have it put there:

       claude mcp add --scope project --transport http directus http://127.0.0.1:8080/mcp --header 'Authorization: Bearer ${WARRENER_KEY}'

    4. Start Claude Code in this folder, and approve the server; `/mcp` shows it.
    "#);
}

#[tokio::test]
async fn claude_code_signs_in() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "claude-code --auth oauth --server https://cms.example.com/mcp").await, @r#"
    exit code 0
    --- output
    Claude Code by Directus' own sign-in (OAuth)

    1. Have the gateway at Directus' public address: `PUBLIC_URL` is `https://cms.example.com`, OAuth is on in Directus, and the proxy there sends exactly `/mcp` to the gateway and all else to Directus.

    2. Put this into .mcp.json (`--write` does):

       {
         "mcpServers": {
           "directus": {
             "type": "http",
             "url": "https://cms.example.com/mcp"
           }
         }
       }

    3. Or have it put there:

       claude mcp add --scope project --transport http directus https://cms.example.com/mcp

    4. Start Claude Code, and sign in with `/mcp`.
    "#);
}

#[tokio::test]
async fn claude_code_starts_a_bridge() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "claude-code --auth stdio --command /opt/warrener").await, @r#"
    exit code 0
    --- output
    Claude Code by a bridge that it starts

    1. Make a key, and have it in `WARRENER_KEY` where Claude Code is started:

       warrener key new claude-code --role ROLE

    2. Put this into .mcp.json (`--write` does):

       {
         "mcpServers": {
           "directus": {
             "type": "stdio",
             "command": "/opt/warrener",
             "args": [
               "stdio",
               "--server",
               "http://127.0.0.1:8080/mcp"
             ],
             "env": {
               "WARRENER_KEY": "${WARRENER_KEY}"
             }
           }
         }
       }

    3. Or have it put there:

       claude mcp add --scope project --transport stdio directus --env 'WARRENER_KEY=${WARRENER_KEY}' -- /opt/warrener stdio --server http://127.0.0.1:8080/mcp

    4. Start Claude Code in this folder, and approve the server; `/mcp` shows it.
    "#);
}

#[tokio::test]
async fn vscode_with_a_key() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "vscode").await, @r#"
    exit code 0
    --- output
    VS Code by a key in a header

    1. Make a key, for VS Code to ask you for:

       warrener key new vscode --role ROLE

    2. Put this into .vscode/mcp.json (`--write` does):

       {
         "servers": {
           "directus": {
             "type": "http",
             "url": "http://127.0.0.1:8080/mcp",
             "headers": {
               "Authorization": "Bearer ${input:warrener-key}"
             }
           }
         },
         "inputs": [
           {
             "id": "warrener-key",
             "type": "promptString",
             "description": "Warrener key",
             "password": true
           }
         ]
       }

    3. Or open this link, and VS Code asks before it installs it:

       vscode:mcp/install?%7B%22name%22%3A%22directus%22%2C%22type%22%3A%22http%22%2C%22url%22%3A%22http%3A%2F%2F127.0.0.1%3A8080%2Fmcp%22%2C%22headers%22%3A%7B%22Authorization%22%3A%22Bearer%20%24%7Binput%3Awarrener-key%7D%22%7D%2C%22inputs%22%3A%5B%7B%22id%22%3A%22warrener-key%22%2C%22type%22%3A%22promptString%22%2C%22description%22%3A%22Warrener%20key%22%2C%22password%22%3Atrue%7D%5D%7D

    4. Start the server from `MCP: List Servers`, and paste the key; its tools are there in agent mode.
    "#);
}

#[tokio::test]
async fn vscode_signs_in() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "vscode --auth oauth --server https://cms.example.com/mcp").await, @r#"
    exit code 0
    --- output
    VS Code by Directus' own sign-in (OAuth)

    1. Have the gateway at Directus' public address: `PUBLIC_URL` is `https://cms.example.com`, OAuth is on in Directus, and the proxy there sends exactly `/mcp` to the gateway and all else to Directus.

    2. Put this into .vscode/mcp.json (`--write` does):

       {
         "servers": {
           "directus": {
             "type": "http",
             "url": "https://cms.example.com/mcp"
           }
         }
       }

    3. Or open this link, and VS Code asks before it installs it:

       vscode:mcp/install?%7B%22name%22%3A%22directus%22%2C%22type%22%3A%22http%22%2C%22url%22%3A%22https%3A%2F%2Fcms.example.com%2Fmcp%22%7D

    4. Sign in to Directus in the browser when it asks, and approve.
    "#);
}

#[tokio::test]
async fn vscode_starts_a_bridge() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "vscode --auth stdio").await, @r#"
    exit code 0
    --- output
    VS Code by a bridge that it starts

    1. Make a key, for VS Code to ask you for:

       warrener key new vscode --role ROLE

    2. Put this into .vscode/mcp.json (`--write` does):

       {
         "servers": {
           "directus": {
             "type": "stdio",
             "command": "warrener",
             "args": [
               "stdio",
               "--server",
               "http://127.0.0.1:8080/mcp"
             ],
             "env": {
               "WARRENER_KEY": "${input:warrener-key}"
             }
           }
         },
         "inputs": [
           {
             "id": "warrener-key",
             "type": "promptString",
             "description": "Warrener key",
             "password": true
           }
         ]
       }

    3. Or open this link, and VS Code asks before it installs it:

       vscode:mcp/install?%7B%22name%22%3A%22directus%22%2C%22type%22%3A%22stdio%22%2C%22command%22%3A%22warrener%22%2C%22args%22%3A%5B%22stdio%22%2C%22--server%22%2C%22http%3A%2F%2F127.0.0.1%3A8080%2Fmcp%22%5D%2C%22env%22%3A%7B%22WARRENER_KEY%22%3A%22%24%7Binput%3Awarrener-key%7D%22%7D%2C%22inputs%22%3A%5B%7B%22id%22%3A%22warrener-key%22%2C%22type%22%3A%22promptString%22%2C%22description%22%3A%22Warrener%20key%22%2C%22password%22%3Atrue%7D%5D%7D

    4. Start the server from `MCP: List Servers`, and paste the key; its tools are there in agent mode.
    "#);
}

#[tokio::test]
async fn raycast_with_a_key() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "raycast").await, @r#"
    exit code 0
    --- output
    Raycast by a key in a header

    1. Make a key:

       warrener key new raycast --role ROLE

    2. Open the command Install MCP Server: the name `directus`, the transport HTTP, the URL `http://127.0.0.1:8080/mcp`, and the HTTP header `Authorization` with `Bearer KEY`.
    "#);
}

#[tokio::test]
async fn raycast_signs_in() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "raycast --auth oauth --server https://cms.example.com/mcp").await, @r#"
    exit code 0
    --- output
    Raycast by Directus' own sign-in (OAuth)

    1. Have the gateway at Directus' public address: `PUBLIC_URL` is `https://cms.example.com`, OAuth is on in Directus, and the proxy there sends exactly `/mcp` to the gateway and all else to Directus.

    2. Open the command Install MCP Server: the name `directus`, the transport HTTP, the URL `https://cms.example.com/mcp`, and Dynamic as the OAuth type.

    3. Sign in to Directus in the browser when it asks, and approve.
    "#);
}

#[tokio::test]
async fn raycast_starts_a_bridge() {
    let desk = Desk::new();
    let line = "raycast --auth stdio --key-file /home/me/directus.key";
    insta::assert_snapshot!(connect(&desk, line).await, @r#"
    exit code 0
    --- output
    Raycast by a bridge that it starts

    1. Make a key, in a file that only you can read:

       (umask 077; mkdir -p /home/me && warrener key new raycast --role ROLE > /home/me/directus.key)

    2. Open this link, and Raycast asks before it installs it:

       raycast://mcp/install?%7B%22name%22%3A%22directus%22%2C%22type%22%3A%22stdio%22%2C%22command%22%3A%22warrener%22%2C%22args%22%3A%5B%22stdio%22%2C%22--server%22%2C%22http%3A%2F%2F127.0.0.1%3A8080%2Fmcp%22%2C%22--key-file%22%2C%22%2Fhome%2Fme%2Fdirectus.key%22%5D%7D

    3. Restart Raycast where it does not find the command, or give the whole path with `--command`.
    "#);
}

#[tokio::test]
async fn raycast_with_a_key_in_the_address() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "raycast --auth url-key --server https://gateway.example.com").await, @r#"
    exit code 0
    --- output
    Raycast by a key in the address

    1. Make a key that is taken in the address and nowhere else, and that ends:

       warrener key new raycast --role ROLE --in-url --expires 30d

    2. Keep it out of logs. The gateway strips it before it writes anything, but whatever stands in front of it sees the whole address: have the TLS proxy and the load balancer log the path without the query (nginx: `$uri` in place of `$request`), and expect the client's maker to keep the address too.

    3. Open the command Install MCP Server: the name `directus`, the transport HTTP, the URL `https://gateway.example.com/mcp?access_token=KEY`.
    "#);
}

#[tokio::test]
async fn a_machine_reads_json() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "cursor --format json").await, @r#"
    exit code 0
    --- output
    {
      "client": "cursor",
      "auth": "key",
      "server": "http://127.0.0.1:8080/mcp",
      "file": "[DIR]/.cursor/mcp.json",
      "configuration": {
        "mcpServers": {
          "directus": {
            "url": "http://127.0.0.1:8080/mcp",
            "headers": {
              "Authorization": "Bearer ${env:WARRENER_KEY}"
            }
          }
        }
      },
      "command": null,
      "link": "cursor://anysphere.cursor-deeplink/mcp/install?name=directus&config=eyJ1cmwiOiJodHRwOi8vMTI3LjAuMC4xOjgwODAvbWNwIiwiaGVhZGVycyI6eyJBdXRob3JpemF0aW9uIjoiQmVhcmVyICR7ZW52OldBUlJFTkVSX0tFWX0ifX0%3D",
      "first": [
        {
          "text": "Make a key, and have it in `WARRENER_KEY` where Cursor is started:",
          "typed": [
            "warrener key new cursor --role ROLE"
          ]
        }
      ],
      "then": [
        {
          "text": "Restart Cursor; its settings show the server under MCP.",
          "typed": []
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn the_address_is_that_of_the_settings() {
    let desk = Desk::new();
    desk.write("warrener.yaml", "version: 1\nlisten: '127.0.0.1:9000'\n");
    assert!(connect(&desk, "cursor").await.contains("\"url\": \"http://127.0.0.1:9000/mcp\""));
    let tls = "{address: '10.0.0.1:9000', tls: {certificate: c.pem, key: k.pem}}";
    desk.write("warrener.yaml", &format!("version: 1\nlisten: {tls}\n"));
    assert!(connect(&desk, "cursor").await.contains("\"url\": \"https://10.0.0.1:9000/mcp\""));
    desk.write("warrener.yaml", "version: 1\nlisten: {address: '0.0.0.0:9000', insecure: true}\n");
    insta::assert_snapshot!(connect(&desk, "cursor").await, @r#"
    exit code 1
    --- messages
    error: clients cannot connect to `0.0.0.0:9000`: say with `--server` what they call the gateway
    "#);
}

#[tokio::test]
async fn what_a_client_cannot_do_is_said() {
    let desk = Desk::new();
    insta::assert_snapshot!(connect(&desk, "chatgpt").await, @r#"
    exit code 1
    --- messages
    error: ChatGPT connects from outside, over https, and cannot reach `http://127.0.0.1:8080/mcp`: give the gateway's public address with `--server`
    "#);
    insta::assert_snapshot!(connect(&desk, "chatgpt --auth key").await, @r#"
    exit code 1
    --- messages
    error: ChatGPT cannot come in by a key in a header: take `--auth oauth` or `--auth url-key`
    "#);
    insta::assert_snapshot!(connect(&desk, "cursor --auth url-key").await, @r#"
    exit code 1
    --- messages
    error: Cursor cannot come in by a key in the address: take `--auth key` or `--auth oauth` or `--auth stdio`
    "#);
    insta::assert_snapshot!(connect(&desk, "raycast --write").await, @r#"
    exit code 1
    --- messages
    error: Raycast keeps this in no file that could be written: follow the steps
    "#);
    insta::assert_snapshot!(connect(&desk, "cursor --server http://gateway.example.com").await, @r#"
    exit code 1
    --- messages
    error: `http://gateway.example.com/` would have the key sent over the network in cleartext: use `https`, or say `--insecure`
    "#);
    insta::assert_snapshot!(connect(&desk, "cursor --server https://gateway.example.com/mcp?access_token=wr_x").await, @r#"
    exit code 1
    --- messages
    error: the gateway's address is a host and a path, such as `https://gateway.example.com/mcp`, without user, query or fragment; a key never stands in it
    "#);
    insta::assert_snapshot!(connect(&desk, "cursor --name a;b").await, @r#"
    exit code 1
    --- messages
    error: `a;b` is no name for a server: write letters, digits, `-`, `_` and `.`
    "#);
    insta::assert_snapshot!(connect(&desk, "cursor --key-env 1A").await, @r#"
    exit code 1
    --- messages
    error: `1A` is no environment variable
    "#);
    assert_eq!(std::fs::read_dir(desk.folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_file_is_written_and_written_twice_is_the_same() {
    let desk = Desk::new();
    desk.write(".cursor/mcp.json", "{\n  \"mcpServers\": {\n    \"directus\": {\"url\": \"https://cms.example.com/mcp\"},\n    \"other\": {\"command\": \"x\"}\n  },\n  \"mine\": 1\n}\n");
    std::fs::set_permissions(desk.path(".cursor/mcp.json"), std::fs::Permissions::from_mode(0o600)).unwrap();
    insta::assert_snapshot!(connect(&desk, "cursor --write").await, @r#"
    exit code 0
    --- messages
    wrote `[DIR]/.cursor/mcp.json`; what was in it is in `[DIR]/.cursor/mcp.json.backup`

    1. Make a key, and have it in `WARRENER_KEY` where Cursor is started:

       warrener key new cursor --role ROLE

    2. Restart Cursor; its settings show the server under MCP.
    "#);
    insta::assert_snapshot!(connect(&desk, "cursor --write").await, @r#"
    exit code 0
    --- messages
    `[DIR]/.cursor/mcp.json` has the server `directus` already.

    1. Make a key, and have it in `WARRENER_KEY` where Cursor is started:

       warrener key new cursor --role ROLE

    2. Restart Cursor; its settings show the server under MCP.
    "#);
    insta::assert_snapshot!(std::fs::read_to_string(desk.path(".cursor/mcp.json")).unwrap(), @r#"
    {
      "mcpServers": {
        "directus": {
          "url": "http://127.0.0.1:8080/mcp",
          "headers": {
            "Authorization": "Bearer ${env:WARRENER_KEY}"
          }
        },
        "other": {"command": "x"}
      },
      "mine": 1
    }
    "#);
    let kept = desk.path(".cursor/mcp.json.backup");
    assert!(std::fs::read_to_string(&kept).unwrap().contains("https://cms.example.com/mcp"));
    for file in [desk.path(".cursor/mcp.json"), kept] {
        assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert_eq!(std::fs::read_dir(desk.path(".cursor")).unwrap().count(), 2);
}

#[tokio::test]
async fn each_client_has_its_own_file() {
    let desk = Desk::new();
    for (line, file) in [
        ("cursor", ".cursor/mcp.json"),
        ("claude-code", ".mcp.json"),
        ("vscode", ".vscode/mcp.json"),
        ("claude-desktop", ".config/Claude/claude_desktop_config.json"),
        ("cursor --file elsewhere.json", "elsewhere.json"),
    ] {
        let written = connect(&desk, &format!("{line} --write")).await;
        assert!(written.starts_with("exit code 0\n--- messages\nwrote `"), "{written}");
        let file = std::fs::read_to_string(desk.path(file)).unwrap();
        let printed = connect(&desk, &format!("{line} --format json")).await;
        let printed: serde_json::Value =
            serde_json::from_str(printed.split_once("--- output\n").unwrap().1).unwrap();
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&file).unwrap(),
            printed["configuration"],
            "{line}"
        );
    }
}

#[tokio::test]
async fn what_could_be_damaged_is_left_alone() {
    let desk = Desk::new();
    desk.write("commented.json", "{\n  // mine\n}\n");
    desk.write("list.json", "{\"mcpServers\": []}");
    desk.write("real.json", "{}");
    symlink(desk.path("real.json"), desk.path("link.json")).unwrap();
    insta::assert_snapshot!(connect(&desk, "cursor --write --file commented.json").await, @r#"
    exit code 1
    --- messages
    error: `commented.json` is left as it is: it is not plain JSON (key must be a string at line 2 column 3); comments could not be kept
    "#);
    insta::assert_snapshot!(connect(&desk, "cursor --write --file list.json").await, @r#"
    exit code 1
    --- messages
    error: `list.json` is left as it is: `mcpServers` in it is not an object
    "#);
    insta::assert_snapshot!(connect(&desk, "cursor --write --file link.json").await, @r#"
    exit code 1
    --- messages
    error: `link.json` is left as it is: it is a link to `[DIR]/real.json`: name that file with `--file`, if it is the client's
    "#);
    insta::assert_snapshot!(connect(&desk, "cursor --write --file /dev/null").await, @r#"
    exit code 1
    --- messages
    error: `/dev/null` is left as it is: it is not a file
    "#);
    assert_eq!(std::fs::read_to_string(desk.path("real.json")).unwrap(), "{}");
    assert_eq!(std::fs::read_dir(desk.folder.path()).unwrap().count(), 4);
}
