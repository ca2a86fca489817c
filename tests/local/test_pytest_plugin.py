"""The pytest plugin."""


def test_pytest_plugin(pytester):
    """The fixtures of the plugin give a running endpoint and its environment."""
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
    pytester.makeconftest('pytest_plugins = ["azure_inference_local.pytest_plugin"]')
    pytester.makepyfile(
        """
        import os

        def test_it(azure_inference_environment):
            assert azure_inference_environment.url.startswith("http://127.0.0.1:")
            assert os.environ["AZURE_INFERENCE_CREDENTIAL"] == azure_inference_environment.key
        """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)


pytest_plugins = ["pytester"]
