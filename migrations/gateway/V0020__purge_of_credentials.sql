-- The purge of a customer forgets which installations were its own; their credentials go with it.
GRANT DELETE ON gateway.source_holder TO gw_tenant;
