//! `demo`: the whole main job on a database of its own, with figures at the end. Only in a build with the feature `demo`.
//!
//! The stories and the product's sample data are the room `demo`; here are the database, the server and the output.
//! Standard error tells the story, standard output holds the figures. The database, its key ring and everything in it live
//! in a new folder that is removed at the end. The keys of Forge are a server of the demo's own, on loopback, with a key that
//! is made at the start and forgotten at the end.

use std::{fs, net::SocketAddr, os::unix::fs::DirBuilderExt, path::PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use super::{
    development::{key::DevelopmentKey, key_server::KeyServer},
    exit::Exit,
    options::GlobalOptions,
    output::{Output, remark},
    serve::{Running, a_signal, start_logging},
};
use crate::{
    config::{Database, DatabaseTls, Settings},
    demo::{self, FORGE_SOURCE, MSPS, Stage},
    domain::Entropy,
    system::{self, Development, Opening, OsEntropy},
};

/// The key that the demo's gateway takes for Atlassian's, below the demo's folder.
const KEY_FILE: &str = "development-key.pem";

/// What `demo` takes.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct DemoArgs {
    /// End when the story is told, instead of leaving the server up
    #[arg(long)]
    pub(super) once: bool,
    /// Where the demo's server listens; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(super) listen: SocketAddr,
}

/// Tells the story on a new demo database.
pub(super) async fn run(options: &GlobalOptions, args: &DemoArgs, output: &mut Output) -> anyhow::Result<Exit> {
    // The demo's own lines are the story; only trouble is worth a log line.
    start_logging(options, "milestone_gateway=error")?;
    let folder = Folder::make()?;
    let settings = Settings {
        database: Database::Embedded,
        product_database: None,
        database_tls: DatabaseTls::VerifyOffLoopback,
        data_dir: Some(folder.path.join("data")),
        pg_bin: options.pg_bin.clone(),
        keyring_file: folder.path.join("keys/keyring.json"),
        policy_dir: None,
    };
    remark("Milestone Gateway demo: a private PostgreSQL and three MSPs; a person leaves, a tenant and a portal user");
    let key = DevelopmentKey::generate()?;
    let key_server = KeyServer::start(&key, SocketAddr::from(([127, 0, 0, 1], 0)))?;
    // Wherever the demo listens: whoever has not this process's own key cannot forge what Forge says.
    let development = Development { key_server: Some(key_server.url()), ..Development::default() };
    let opened = system::open(&settings, Opening { demo: true, check_drift: true, development }).await?;
    let running = Running::start(opened, args.listen)?;
    let told = Box::pin(tell(&running, &key, output)).await;
    if told.is_ok() && !args.once {
        key.write(&folder.path.join(KEY_FILE), &OsEntropy).context("the demo's key cannot be written")?;
        say_what_to_look_at(&running, &folder.path);
        a_signal()?.await;
    }
    running.stop().await?;
    key_server.stop().await?;
    drop(folder);
    told?;
    Ok(Exit::Done)
}

async fn tell(running: &Running, key: &DevelopmentKey, output: &mut Output) -> anyhow::Result<()> {
    let stage = Stage {
        gateway: running.system.gateway.clone(),
        verifier: running.system.verifier.clone(),
        address: running.address,
    };
    let figures = demo::tell(&stage, key.private_pem()).await?;
    if output.is_json() {
        // One line, so that scripts can take the last line of the output.
        return output.line(&figures.to_string());
    }
    output.line("")?;
    for (name, value) in figures.as_object().into_iter().flatten() {
        let value = match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        output.line(&format!("{name:<36}{value}"))?;
    }
    Ok(())
}

fn say_what_to_look_at(running: &Running, folder: &std::path::Path) {
    let (data, keys) = (folder.join("data"), folder.join("keys/keyring.json"));
    let shared = format!("--data-dir {} --keyring {}", data.display(), keys.display());
    remark(&format!("\nThe server is up at http://{} until you press Ctrl-C. In another terminal:", running.address));
    remark(&format!("  milestone-gateway {shared} requests list"));
    remark(&format!("  milestone-gateway {shared} events list"));
    remark(&format!("  milestone-gateway {shared} tenants list"));
    remark(&format!("  curl http://{}/metrics", running.address));
    let (url, key) = (running.address, folder.join(KEY_FILE));
    remark(&format!(
        "  echo '{{}}' | milestone-gateway {shared} send --source {} --url http://{url} --payload - --route heartbeat \\\n    \
         --tenant-key {} --development-key {}",
        FORGE_SOURCE,
        MSPS[0].cloud_id,
        key.display()
    ));
}

/// A new folder that goes with the demo.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn make() -> anyhow::Result<Self> {
        let mut random = [0_u8; 6];
        OsEntropy.fill(&mut random);
        let path = std::env::temp_dir().join(format!("milestone-gateway-demo-{}", hex::encode(random)));
        // Others may pass through: as root the database runs as another user, in a folder of its own below.
        fs::DirBuilder::new()
            .mode(0o711)
            .create(&path)
            .with_context(|| format!("the demo's folder {} cannot be made", path.display()))?;
        Ok(Self { path })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if fs::remove_dir_all(&self.path).is_err() {
            remark(&format!("the demo's folder {} could not be removed", self.path.display()));
        }
    }
}
