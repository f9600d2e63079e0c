-- After each migration: what workers and readers may do with the tables that are there now.
GRANT USAGE ON SCHEMA scenario_runner TO scenario_runner_worker, scenario_runner_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA scenario_runner TO scenario_runner_worker;
GRANT SELECT ON ALL TABLES IN SCHEMA scenario_runner TO scenario_runner_reader;
REVOKE INSERT, UPDATE, DELETE ON scenario_runner.authority_version FROM scenario_runner_worker;
-- Who follows the control bus keeps how far it has come beside the authority, and writes nothing else.
GRANT SELECT, INSERT, UPDATE ON scenario_runner.follower, scenario_runner.follower_done, scenario_runner.follower_aside
    TO scenario_runner_reader;
REVOKE INSERT, UPDATE, DELETE ON scenario_runner.follower_version FROM scenario_runner_worker;
