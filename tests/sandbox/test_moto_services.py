"""moto's services through the same endpoint."""

import http.client
from collections.abc import Callable
from typing import Any

import pytest

from emrgateway_sandbox import Sandbox


def test_assume_role_switches_the_account(still: Sandbox, client: Callable[..., Any], job: dict[str, Any]) -> None:
    """Credentials from STS carry the role's account into the run's ARN, and the role's session into createdBy."""
    answer = client(still, "sts").assume_role(
        RoleArn="arn:aws:iam::111122223333:role/gateway", RoleSessionName="session-1", ExternalId="x"
    )["Credentials"]
    emr = client(still, credentials=(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]))
    started = emr.start_job_run(**job)
    run = emr.get_job_run(applicationId=job["applicationId"], jobRunId=started["jobRunId"])["jobRun"]
    assert ":111122223333:" in started["arn"]
    assert run["createdBy"] == "arn:aws:sts::111122223333:assumed-role/gateway/session-1"
    assert still.job_runs()[0].account == "111122223333"
    mine = client(still)
    with pytest.raises(mine.exceptions.ResourceNotFoundException):
        mine.get_job_run(applicationId=job["applicationId"], jobRunId=started["jobRunId"])


def test_what_moto_cannot_take(still: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    """Where moto raises, the answer is a 500, the connection goes on, and the log alone has the reason."""
    connection = http.client.HTTPConnection(still.url.removeprefix("http://"), timeout=10)
    for _ in range(2):
        scope = "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/dynamodb/aws4_request, Signature=0"
        connection.request("POST", "/", headers={"Authorization": scope})  # DynamoDB's X-Amz-Target is missing
        reply = connection.getresponse()
        assert (reply.status, reply.getheader("x-amzn-ErrorType")) == (500, "InternalServerException")
        assert b"TARGET" not in reply.read()
    connection.close()
    assert "HTTP_X_AMZ_TARGET" in caplog.text


def test_dynamodb(still: Sandbox, client: Callable[..., Any]) -> None:
    """A conditional put of DynamoDB succeeds once, as the ledger will need."""
    table = client(still, "dynamodb", region="ap-south-1")
    table.create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": "token", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "token", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    try:
        put = {"TableName": "ledger", "Item": {"token": {"S": "t"}}, "ConditionExpression": "attribute_not_exists(#t)"}
        table.put_item(**put, ExpressionAttributeNames={"#t": "token"})
        with pytest.raises(table.exceptions.ConditionalCheckFailedException):
            table.put_item(**put, ExpressionAttributeNames={"#t": "token"})
    finally:
        table.delete_table(TableName="ledger")


def test_s3(still: Sandbox, client: Callable[..., Any]) -> None:
    """An object of a megabyte, with awkward key and metadata, comes back; HEAD says its length and sends no body."""
    s3 = client(still, "s3")
    body, key = b"x" * 1_000_000, "a//b%2Fc é/_sandbox"
    s3.create_bucket(Bucket="sandbox-test")
    try:
        s3.put_object(Bucket="sandbox-test", Key=key, Body=body, Metadata={"my_key": "v"})
        assert s3.head_object(Bucket="sandbox-test", Key=key)["ContentLength"] == len(body)
        got = s3.get_object(Bucket="sandbox-test", Key=key)
        assert (got["Metadata"], got["Body"].read()) == ({"my_key": "v"}, body)
        with pytest.raises(s3.exceptions.NoSuchKey):
            s3.get_object(Bucket="sandbox-test", Key="none")
    finally:
        s3.delete_object(Bucket="sandbox-test", Key=key)
        s3.delete_bucket(Bucket="sandbox-test")


def test_an_application_made_through_moto(client: Callable[..., Any], job: dict[str, Any]) -> None:
    """It takes job runs beside those named, gives them its release and network, and none once it is terminated."""
    with Sandbox(applications=["00f1"]) as sandbox:
        emr = client(sandbox)
        network = {"subnetIds": ["subnet-0123"], "securityGroupIds": ["sg-0123"]}
        made = emr.create_application(
            name="a", releaseLabel="emr-6.15.0", type="HIVE", clientToken="t", networkConfiguration=network
        )["applicationId"]
        job |= {"applicationId": made, "jobDriver": {"hive": {"query": "s3://q.sql"}}, "executionTimeoutMinutes": 0}
        run = emr.get_job_run(applicationId=made, jobRunId=emr.start_job_run(**job)["jobRunId"])["jobRun"]
        assert (run["releaseLabel"], run["networkConfiguration"]) == ("emr-6.15.0", network)
        assert run["executionTimeoutMinutes"] == 0  # never, as it was before release 7.11
        assert emr.list_job_runs(applicationId=made)["jobRuns"][0]["type"] == "Hive"
        emr.stop_application(applicationId=made)
        emr.delete_application(applicationId=made)
        assert emr.get_application(applicationId=made)["application"]["state"] == "TERMINATED"
        with pytest.raises(emr.exceptions.ValidationException, match="terminated"):
            emr.start_job_run(**job)
        assert len(emr.list_job_runs(applicationId=made)["jobRuns"]) == 1
        with pytest.raises(client(sandbox, region="eu-west-1").exceptions.ResourceNotFoundException):
            client(sandbox, region="eu-west-1").start_job_run(**job)
