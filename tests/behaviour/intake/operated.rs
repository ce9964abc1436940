//! What operators do to sources, and what installations bring, as deliveries feel it.

use milestone_gateway::testing::{
    app::registry,
    domain::{TenantId, evidence::EvidenceKind::Uninstalled, reply::SenderReply, request::RequestState},
    signature::{Rejection, SecretBytes},
};

use super::{acme_with_ann, reply};
use crate::{
    harness::{
        Delivery, KeyServer, Manner, World, secret_of,
        senders::{CLIENT_KEY, SHARED_SECRET},
        user_deleted,
    },
    tenant::{hours, it_is_told, own_request},
};

const INSTALLED: &str = include_str!("../../vectors/connect/installed.json");

#[tokio::test]
async fn a_source_that_the_erasure_has_disabled_is_enabled_and_not_rotated() {
    let world = World::new().await;
    let (acme, _) = acme_with_ann(&world).await;
    let new = SecretBytes::new(b"the next secret of acme, which is long".to_vec());
    let too_early = registry::enable(&world.gateway, &world.tester, &acme.source, Some(&new)).await.unwrap_err();
    assert!(too_early.to_string().contains("in use"), "{too_early}");
    it_is_told(&world, &acme, Uninstalled, hours(0)).await;
    world.days_pass(84).await;
    assert_eq!(own_request(&world, &acme).await.state, RequestState::Completed);
    let disabled = world.delivers(&acme.source, &Delivery::signed("{}", Some("1"), &secret_of("acme"))).await;
    assert_eq!((disabled.reply, disabled.rejection), (SenderReply::Unauthorized, Some(Rejection::UnknownSource)));

    let rotated = registry::rotate(&world.gateway, &world.tester, &acme.source, &new).await.unwrap_err();
    let registration = registry::Registration::jira(&acme.source, &acme.key, &new);
    let registered = registry::register(&world.gateway, &world.tester, &registration).await.unwrap_err();
    let without = registry::enable(&world.gateway, &world.tester, &acme.source, None).await.unwrap_err();
    registry::enable(&world.gateway, &world.tester, &acme.source, Some(&new)).await.unwrap();

    assert!(rotated.to_string().contains("sources enable"), "{rotated}");
    assert!(registered.to_string().contains("sources enable"), "{registered}");
    assert!(without.to_string().contains("secret"), "{without}");
    assert_eq!(reply(&world, &acme, &new, "2").await, SenderReply::Accepted);
    assert_eq!(reply(&world, &acme, &secret_of("acme"), "3").await, SenderReply::Unauthorized);
    assert_eq!(world.who_did(acme.id, "source.enabled").await, ["command_line:tester".to_owned()].into());
    world.the_worker_drains().await;
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_installation_is_bound_once_and_only_to_a_tenant_that_is_known() {
    let world = World::new().await;
    let acme = world.a_tenant("acme").await;
    let globex = world.a_tenant("globex").await;
    let source = world.a_connect_source().await;
    let tenants = world.number("SELECT count(*) FROM gateway.tenant").await;
    let bind = async |key: &str| registry::bind(&world.gateway, &world.tester, &source, CLIENT_KEY, key).await;

    let unknown = bind("a slip of the pen").await.unwrap_err();
    let platform = bind("(platform)").await.unwrap_err();
    let bound = bind(&acme.key).await.unwrap();
    let other = bind(&globex.key).await.unwrap_err();

    assert!(unknown.to_string().contains("sources add"), "{unknown}");
    assert!(platform.to_string().contains("bracket"), "{platform}");
    assert_eq!(bound, acme.id);
    assert!(other.to_string().contains("bound already"), "{other}");
    assert_eq!(world.number("SELECT count(*) FROM gateway.tenant").await, tenants, "binding makes no tenant");
    assert!(!world.audited(TenantId::PLATFORM).await.contains(&"source.bound".to_owned()));
    world.ends_cleanly().await;
}

#[tokio::test]
async fn an_install_that_is_repeated_leaves_the_secret_before_valid() {
    let keys = KeyServer::start(Manner::Well).await;
    let world = World::with_key_server(&keys).await;
    let (acme, ann) = acme_with_ann(&world).await;
    let source = world.a_connect_source().await;
    registry::bind(&world.gateway, &world.tester, &source, CLIENT_KEY, &acme.key).await.unwrap();
    let another = INSTALLED.replace(SHARED_SECRET, "ANOTHER-SYNTHETIC-ONE");
    let secrets = "SELECT count(*) FROM gateway.source_credential WHERE holder <> ''";

    for body in [INSTALLED, &another, &another] {
        world.time_passes(jiff::SignedDuration::from_secs(1));
        let installed = world.receives(&world.connect_install_post("installed", body)).await;
        assert_eq!(installed.reply, SenderReply::Accepted);
    }
    let signed_before = world.connect_post("webhook", user_deleted(&ann, hours(0)).to_string());

    let source_id =
        "SELECT 'sender:src_' || replace(source_id::text, '-', '') FROM gateway.source WHERE name = 'connect'";
    let installed_by = world.text(source_id).await.unwrap();
    assert_eq!(world.who_did(TenantId::PLATFORM, "source.installed").await, [installed_by].into());
    assert_eq!(world.number(secrets).await, 2);
    assert_eq!(world.receives(&signed_before).await.reply, SenderReply::Accepted);
    world.the_worker_drains().await;
    assert!(!world.may_sign_in(&ann).await);
    world.ends_cleanly().await;
}
