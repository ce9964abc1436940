//! `development`: what stands in for senders' own infrastructure on a developer's machine. Nothing here runs in production.

use std::net::SocketAddr;

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    exit::Exit,
    output::{Output, remark},
    serve::a_signal,
};
use crate::system::OsEntropy;

pub(super) mod key;
pub(super) mod key_server;

use key::DevelopmentKey;
use key_server::KeyServer;

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum DevelopmentCommand {
    /// Publish a key of your own where `serve --development-key-server` looks for Atlassian's and Google's
    KeyServer(KeyServerArgs),
}

/// Where to publish, and which key.
#[derive(Debug, Args)]
pub(super) struct KeyServerArgs {
    /// Where to listen: `127.0.0.1` or `[::1]` only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:9200")]
    listen: SocketAddr,
    /// The private key in PEM, made when it is not there; by default a file in your cache folder, which `send` uses too
    #[arg(long, value_name = "FILE")]
    key: Option<std::path::PathBuf>,
}

/// Runs a command.
pub(super) async fn run(command: &DevelopmentCommand, output: &mut Output) -> anyhow::Result<Exit> {
    match command {
        DevelopmentCommand::KeyServer(args) => serve_keys(args, output).await,
    }
}

/// Publishes until SIGINT or SIGTERM.
async fn serve_keys(args: &KeyServerArgs, output: &mut Output) -> anyhow::Result<Exit> {
    key_server::refuse_others(args.listen)?;
    let file = match &args.key {
        Some(file) => file.clone(),
        None => key::default_file()?,
    };
    let (key, is_new) = DevelopmentKey::read_or_make(&file, &OsEntropy)?;
    // Watched before anybody is told that the server is up.
    let ended = a_signal()?;
    let server = KeyServer::start(&key, args.listen)?;
    let (url, file) = (server.url(), file.display().to_string());
    if output.is_json() {
        output.json(&json!({"url": url, "key_file": file, "is_new_key": is_new, "key_id": key::KEY_ID}))?;
    } else {
        output.line(&format!(
            "publishing {} {file} at {url} until Ctrl-C",
            if is_new { "the new key" } else { "the key" }
        ))?;
        remark(&format!("  milestone-gateway serve --development-key-server {url}"));
    }
    ended.await;
    server.stop().await?;
    Ok(Exit::Done)
}
