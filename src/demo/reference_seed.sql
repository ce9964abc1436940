-- A believable Milestone for one tenant: run inside a transaction whose tenant is set. Every value follows from the
-- tenant's key and a row number, so the same tenant always looks the same. All people are invented.

INSERT INTO milestone.tenant (tenant_id, company_name, site_host, created_at)
SELECT tenant, 'MSP ' || left(tenant::text, 4), 'msp-' || left(tenant::text, 4) || '.atlassian.net', now() - interval '3 years'
FROM (SELECT current_setting('milestone.tenant_id')::uuid AS tenant) AS t;

INSERT INTO milestone.client (tenant_id, client_id, company_name, created_at)
SELECT tenant, md5(tenant || '/client/' || n)::uuid,
       (ARRAY['Bakery Lindt & Sons', 'Harbour Dental', 'Northwind Freight', 'Quill Publishing'])[n],
       now() - interval '2 years'
FROM (SELECT current_setting('milestone.tenant_id')::uuid AS tenant) AS t, generate_series(1, 4) AS n;

INSERT INTO milestone.team_member (tenant_id, member_id, account_id, display_name, email, created_at)
SELECT tenant, md5(tenant || '/member/' || n)::uuid, '712020:' || md5(tenant || '/account/' || n)::uuid,
       first || ' ' || last, lower(first || '.' || last) || '@msp-' || left(tenant::text, 4) || '.example',
       now() - interval '2 years'
FROM (SELECT current_setting('milestone.tenant_id')::uuid AS tenant) AS t,
     generate_series(1, 8) AS n,
     LATERAL (SELECT (ARRAY['Ada', 'Bruno', 'Chiara', 'Dmitri', 'Elif', 'Farid', 'Grace', 'Henrik'])[n] AS first,
                     (ARRAY['Moreau', 'Novak', 'Okafor', 'Petrov', 'Quist', 'Rahimi', 'Sato', 'Toivonen'])[n] AS last) AS name;

INSERT INTO milestone.role_assignment (tenant_id, member_id, role, granted_at)
SELECT tenant_id, member_id, role, created_at
FROM milestone.team_member, unnest(ARRAY['technician', 'reporter']) AS role;

INSERT INTO milestone.portal_user (tenant_id, portal_user_id, client_id, firebase_uid, email, full_name, created_at)
SELECT tenant, md5(tenant || '/portal/' || n)::uuid, md5(tenant || '/client/' || 1 + n % 4)::uuid,
       left(replace(md5(tenant || '/uid/' || n), '-', ''), 28), lower(first) || n || '@client-' || 1 + n % 4 || '.example',
       first || ' ' || last, now() - interval '18 months'
FROM (SELECT current_setting('milestone.tenant_id')::uuid AS tenant) AS t,
     generate_series(1, 12) AS n,
     LATERAL (SELECT (ARRAY['Iris', 'Jonas', 'Kemal', 'Lucia', 'Mina', 'Nils', 'Olga', 'Pavel', 'Rosa', 'Said', 'Tova', 'Uma'])[n] AS first,
                     (ARRAY['Vogel', 'Weber', 'Xu', 'Yilmaz', 'Zeman', 'Arslan'])[1 + n % 6] AS last) AS name;

INSERT INTO milestone.delivery_user (tenant_id, delivery_user_id, firebase_uid, email, full_name, created_at)
SELECT tenant, md5(tenant || '/delivery/' || n)::uuid, left(md5(tenant || '/delivery-uid/' || n), 28),
       'courier' || n || '@msp-' || left(tenant::text, 4) || '.example', 'Courier ' || n, now() - interval '1 year'
FROM (SELECT current_setting('milestone.tenant_id')::uuid AS tenant) AS t, generate_series(1, 4) AS n;

INSERT INTO milestone.service_request
    (tenant_id, request_id, client_id, issue_id, summary, content, requester_id, requester_name, assignee_id,
     assignee_name, status, created_at)
SELECT tenant, md5(tenant || '/request/' || n)::uuid, p.client_id, (10000 + n)::text,
       (ARRAY['Printer is offline', 'New laptop', 'VPN drops', 'Mailbox is full', 'Restore a folder'])[1 + n % 5],
       'Reported through the portal, please have a look.', p.portal_user_id, p.full_name, m.member_id, m.display_name,
       (ARRAY['open', 'waiting', 'closed'])[1 + n % 3], now() - make_interval(days => n)
FROM (SELECT current_setting('milestone.tenant_id')::uuid AS tenant) AS t, generate_series(1, 60) AS n
JOIN milestone.portal_user p ON p.portal_user_id = md5(current_setting('milestone.tenant_id') || '/portal/' || 1 + n % 12)::uuid
JOIN milestone.team_member m ON m.member_id = md5(current_setting('milestone.tenant_id') || '/member/' || 1 + n % 8)::uuid;

INSERT INTO milestone.message
    (tenant_id, message_id, request_id, member_id, member_name, portal_user_id, portal_user_name, sent_by, body, sent_at)
SELECT r.tenant_id, md5(r.request_id || '/message/' || n)::uuid, r.request_id, r.assignee_id, r.assignee_name,
       CASE WHEN n = 6 THEN NULL ELSE r.requester_id END, CASE WHEN n = 6 THEN NULL ELSE r.requester_name END,
       CASE WHEN n % 2 = 0 THEN 'member' ELSE 'portal_user' END,
       (ARRAY['Thank you for the details.', 'It still happens here.', 'We have restarted the service.',
              'That works now.', 'Closing this, please write again if it returns.', 'Note to self: check the logs.'])[n],
       r.created_at + make_interval(hours => n)
FROM milestone.service_request r, generate_series(1, 6) AS n;

INSERT INTO milestone.hours_entry
    (tenant_id, worklog_id, issue_id, request_id, author_account_id, seconds, work_day, source_updated_at)
SELECT tenant, (50000 + n)::text, (10001 + n % 60)::text, md5(tenant || '/request/' || 1 + n % 60)::uuid,
       '712020:' || md5(tenant || '/account/' || 1 + n % 8)::uuid, 900 * (1 + n % 16),
       (now() - make_interval(days => n % 365))::date, now() - make_interval(days => n % 365)
FROM (SELECT current_setting('milestone.tenant_id')::uuid AS tenant) AS t, generate_series(1, 2000) AS n;

INSERT INTO milestone.sla_metric (tenant_id, request_id, metric, owner_member_id, product_seconds, actual_seconds)
SELECT tenant_id, request_id, metric, assignee_id, 14400, 3600
FROM milestone.service_request, unnest(ARRAY['first_response', 'resolution']) AS metric;

INSERT INTO milestone.activity_log (tenant_id, activity_id, actor_account_id, actor_portal_user_id, action, detail, happened_at)
SELECT r.tenant_id, md5(r.request_id || '/activity/' || n)::uuid,
       CASE WHEN n = 1 THEN m.account_id END, CASE WHEN n = 2 THEN r.requester_id END,
       (ARRAY['request.assigned', 'request.opened'])[n], jsonb_build_object('status', r.status, 'channel', 'portal'), r.created_at
FROM milestone.service_request r
JOIN milestone.team_member m ON m.member_id = r.assignee_id, generate_series(1, 2) AS n;

INSERT INTO milestone.session (tenant_id, session_id, member_id, token_digest, ip_address, started_at)
SELECT tenant_id, md5(member_id || '/session/' || n)::uuid, member_id, md5(member_id || '/token/' || n),
       '198.51.100.7', now() - make_interval(hours => n)
FROM milestone.team_member, generate_series(1, 2) AS n;

INSERT INTO milestone.session (tenant_id, session_id, portal_user_id, token_digest, ip_address, started_at)
SELECT tenant_id, md5(portal_user_id || '/session')::uuid, portal_user_id, md5(portal_user_id || '/token'), '203.0.113.9', now()
FROM milestone.portal_user;

INSERT INTO milestone.notification (tenant_id, notification_id, member_id, subject, created_at)
SELECT tenant_id, md5(member_id || '/notification/' || n)::uuid, member_id, 'A request is waiting', now() - make_interval(days => n)
FROM milestone.team_member, generate_series(1, 5) AS n;

INSERT INTO milestone.notification_delivery (tenant_id, delivery_id, notification_id, recipient_email, attempted_at)
SELECT o.tenant_id, md5(o.notification_id || '/delivery')::uuid, o.notification_id, m.email, o.created_at
FROM milestone.notification o
JOIN milestone.team_member m ON m.member_id = o.member_id;
