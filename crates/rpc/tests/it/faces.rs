//! Health and reflection, as any tool asks for them.

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

use crate::house::House;
use crate::raw::channel;

#[tokio::test(flavor = "multi_thread")]
async fn each_service_says_that_it_serves() {
    let house = House::start().await;
    let endpoint = house.merchant().to(&house.ledger_url, &house.authority);
    let mut health = HealthClient::new(channel(&endpoint).await.unwrap());
    for service in ["", "quayside.ledger.v1.LedgerService", "quayside.member.v1.MemberService"] {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = health.check(request).await.unwrap().into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let elsewhere = HealthCheckRequest { service: "quayside.gateway.v1.GatewayService".into() };
    let error = rpc::client::Error::from(health.check(elsewhere).await.unwrap_err());
    assert_eq!(error.reason, "NOT_FOUND");
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_names_the_services_and_describes_health_too() {
    let house = House::start().await;
    let endpoint = house.merchant().to(&house.gateway_url, &house.authority);
    let mut reflection = ServerReflectionClient::new(channel(&endpoint).await.unwrap());
    let asked = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol("grpc.health.v1.Health".to_owned()),
        MessageRequest::FileContainingSymbol("quayside.gateway.v1.GatewayService".to_owned()),
    ];
    let requests = asked.map(|question| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(question),
    });
    let requests = tokio_stream::iter(requests);
    let mut answers = reflection.server_reflection_info(requests).await.unwrap().into_inner();
    let first = answers.message().await.unwrap().unwrap().message_response.unwrap();
    let MessageResponse::ListServicesResponse(list) = first else { panic!("{first:?}") };
    let mut names: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
    names.sort();
    assert_eq!(
        names,
        [
            "grpc.health.v1.Health",
            "grpc.reflection.v1.ServerReflection",
            "quayside.gateway.v1.GatewayService"
        ]
    );
    for _ in 0..2 {
        let answer = answers.message().await.unwrap().unwrap().message_response.unwrap();
        assert!(matches!(answer, MessageResponse::FileDescriptorResponse(_)), "{answer:?}");
    }
}
