-- Wrapped keys. Master keys are never here: a stolen database or backup opens nothing.

-- Values that only the right keys can reproduce, compared at start: a wrong master key opens nothing, and a wrong digest
-- key would silently find nobody.
CREATE TABLE gateway.key_check (
    purpose text NOT NULL CONSTRAINT key_check_purpose_known CHECK (purpose IN ('master', 'digest')),
    key_id integer NOT NULL,
    check_value bytea NOT NULL CONSTRAINT key_check_value_length CHECK (octet_length(check_value) = 32),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT key_check_pkey PRIMARY KEY (purpose, key_id)
);

-- Epochs of a tenant's key. Rotating re-wraps the surviving subject keys and destroys the old epoch: that is what makes
-- an erased subject's key unreadable in write-ahead log and backups too.
CREATE TABLE gateway.tenant_key (
    tenant_id uuid NOT NULL CONSTRAINT tenant_key_has_tenant REFERENCES gateway.tenant (tenant_id),
    epoch integer NOT NULL CONSTRAINT tenant_key_epoch_positive CHECK (epoch > 0),
    master_id integer NOT NULL,
    wrapped bytea,
    created_at timestamptz NOT NULL,
    destroyed_at timestamptz,
    CONSTRAINT tenant_key_pkey PRIMARY KEY (tenant_id, epoch),
    CONSTRAINT tenant_key_there_or_destroyed CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

-- One key per subject; destroying it closes everything that was sealed for that person.
CREATE TABLE gateway.subject_key (
    tenant_id uuid NOT NULL,
    subject_id uuid NOT NULL,
    epoch integer NOT NULL,
    wrapped bytea,
    created_at timestamptz NOT NULL,
    destroyed_at timestamptz,
    CONSTRAINT subject_key_pkey PRIMARY KEY (tenant_id, subject_id),
    CONSTRAINT subject_key_has_epoch FOREIGN KEY (tenant_id, epoch) REFERENCES gateway.tenant_key (tenant_id, epoch),
    CONSTRAINT subject_key_there_or_destroyed CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

-- One key per day for raw deliveries, and one for the copies kept for dead letters.
CREATE TABLE gateway.body_key (
    purpose text NOT NULL CONSTRAINT body_key_purpose_known CHECK (purpose IN ('delivery', 'dead_letter')),
    body_day date NOT NULL,
    master_id integer NOT NULL,
    wrapped bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CONSTRAINT body_key_pkey PRIMARY KEY (purpose, body_day),
    CONSTRAINT body_key_there_or_destroyed CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
);

-- Another key in its place would make the day's deliveries unreadable without a trace that they were destroyed.
CREATE FUNCTION gateway.refuse_exchange() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'a key of % can only be destroyed, once', TG_TABLE_NAME
        USING ERRCODE = 'object_not_in_prerequisite_state';
END
$$;
CREATE TRIGGER body_key_can_only_be_destroyed
BEFORE UPDATE ON gateway.body_key
FOR EACH ROW WHEN (NEW.wrapped IS NOT NULL OR OLD.wrapped IS NULL)
EXECUTE FUNCTION gateway.refuse_exchange();

ALTER TABLE gateway.tenant_key ALTER COLUMN wrapped SET STATISTICS 0;
ALTER TABLE gateway.subject_key ALTER COLUMN wrapped SET STATISTICS 0;
ALTER TABLE gateway.body_key ALTER COLUMN wrapped SET STATISTICS 0;
SELECT gateway.vacuum_at_once('gateway.tenant_key');
SELECT gateway.vacuum_at_once('gateway.subject_key');
SELECT gateway.vacuum_at_once('gateway.body_key');

SELECT gateway.isolate('gateway.tenant_key');
SELECT gateway.isolate('gateway.subject_key');
GRANT SELECT, INSERT ON gateway.key_check TO gw_queue;
GRANT SELECT, INSERT, UPDATE ON gateway.tenant_key, gateway.subject_key TO gw_tenant;
GRANT SELECT, INSERT ON gateway.body_key TO gw_intake, gw_tenant;
GRANT SELECT ON gateway.body_key TO gw_queue;
GRANT UPDATE (wrapped, destroyed_at) ON gateway.body_key TO gw_queue;
