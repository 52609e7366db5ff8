-- Which calls were on hold longest?
SELECT call_ref, queue, hold_count, round(hold_s) AS hold_s, hold_permission, hold_thanks
FROM call_summary
WHERE hold_count > 0
ORDER BY hold_s DESC, call_ref
LIMIT 20;
