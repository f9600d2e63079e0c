-- Roles of the authority. Run once by the database's administrator, then postgres-2-migrate.sh, then postgres-3-grants.sql.
-- Who owns the tables is not who works with them: a worker can neither change nor drop a table.
-- Passwords are set apart, or come from IAM: GRANT rds_iam TO scenario_runner_worker;
CREATE ROLE scenario_runner_owner LOGIN;
CREATE ROLE scenario_runner_worker LOGIN;
CREATE ROLE scenario_runner_reader LOGIN;
CREATE SCHEMA scenario_runner AUTHORIZATION scenario_runner_owner;
