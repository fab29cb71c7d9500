from offctl.api.v1 import agent_pb2, agent_pb2_grpc
from transport.fleet import Fleet, serving


async def test_a_host_fetches(tmp_path):
    fleet = Fleet()
    async with serving(fleet, tmp_path) as running:
        await running.publish(fleet.release(1, "off1", "off2"))
        async with running.channel(fleet.host("off1")) as channel:
            stub = agent_pb2_grpc.AgentServiceStub(channel)
            response = await stub.FetchRelease(agent_pb2.FetchReleaseRequest(), timeout=3)
            assert b'host = "off1"' in response.bundle
