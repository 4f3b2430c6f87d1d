//! The SDKs start `warrener stdio`: as a bridge to a gateway, and as the gateway itself.

use super::clients::{does_what_an_editor_may, is_recorded};
use super::directus::{ADMIN, AllowDeletes, Directus};
use super::sdk::of_commands;
use crate::support::process::checkout;
use crate::support::trail;

const WARRENER: &str = env!("CARGO_BIN_EXE_warrener");

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn sdks_work_over_the_bridge_and_cannot_delete() {
    let directus = Directus::start(AllowDeletes::On).await;
    let site = directus.guarded("content-editor");
    let keys: Vec<_> = of_commands().into_iter().map(|sdk| (sdk, site.key(&sdk.name()))).collect();
    let gateway = site.start();
    for (sdk, key) in keys {
        let url = gateway.client(&key).url().to_owned();
        let words = [WARRENER, "stdio", "--server", &url].map(str::to_owned).to_vec();
        let session = sdk.stdio_session(words, vec![("WARRENER_KEY", key)]).await.unwrap();
        does_what_an_editor_may(sdk, &session);
        let calls = site.calls().await;
        is_recorded(sdk, &calls.iter().filter(|call| call.principal == sdk.name()).collect::<Vec<_>>());
    }
}

#[tokio::test]
#[ignore = "needs a real Directus: tests/directus/install"]
async fn sdks_work_without_a_gateway_and_cannot_delete() {
    let directus = Directus::start(AllowDeletes::On).await;
    let folder = tempfile::tempdir().unwrap();
    let (policies, path) = (checkout("policies").display().to_string(), folder.path().join("trail.db"));
    let audit = format!("sqlite://{}", path.display());
    let stops = folder.path().join("stops.yaml").display().to_string();
    for sdk in of_commands() {
        let name = sdk.name();
        let words = ["--policies", &policies, "--audit", &audit, "--stops", &stops, "--name", &name];
        let words =
            [&[WARRENER, "stdio", "--upstream", directus.url(), "--role", "content-editor"], &words[..]]
                .concat();
        let words = words.into_iter().map(str::to_owned).collect();
        let session = sdk.stdio_session(words, vec![("DIRECTUS_TOKEN", ADMIN.to_owned())]).await.unwrap();
        does_what_an_editor_may(sdk, &session);
        let calls = trail::calls(&path).await;
        is_recorded(sdk, &calls.iter().filter(|call| call.principal == sdk.name()).collect::<Vec<_>>());
    }
}
