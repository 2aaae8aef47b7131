-- A row a review and scale: `total`, the 39 items, and the subscales. A score is the mean of the scored items times the
-- number of items, if as large a share of them is scored as the total needs: 35 of 39.
CREATE TEMP VIEW scale_sizes AS
SELECT coalesce(subscale, 'total') AS scale, count(*) AS items
FROM scale_items
GROUP BY ROLLUP (subscale);

CREATE TEMP VIEW reviewed_scales AS
SELECT team, timepoint, coalesce(subscale, 'total') AS scale, count(score) AS scored, sum(score) AS points
FROM fidelity_items
JOIN scale_items USING (item)
GROUP BY GROUPING SETS ((team, timepoint), (team, timepoint, subscale));

CREATE TEMP VIEW fidelity_scores AS
SELECT
    team, timepoint, scale, items, scored,
    CASE WHEN scored * getvariable('items') >= items * getvariable('items_needed') THEN points * items / scored END AS score
FROM reviewed_scales
JOIN scale_sizes USING (scale);

CREATE TEMP VIEW reviews AS
SELECT
    team, timepoint,
    max(scored) FILTER (scale = 'total') AS items_scored,
    max(score) FILTER (scale = 'total') AS fidelity,
    max(score) FILTER (scale = 'referrals') AS fidelity_referrals,
    max(score) FILTER (scale = 'content') AS fidelity_content,
    max(score) FILTER (scale = 'staffing') AS fidelity_staffing,
    max(score) FILTER (scale = 'location') AS fidelity_location
FROM fidelity_scores
GROUP BY team, timepoint;

CREATE TEMP VIEW score_counts AS
SELECT
    scale,
    count(*) AS reviews,
    count(*) FILTER (scored = items) AS complete,
    count(*) FILTER (scored < items AND score IS NOT NULL) AS prorated,
    count(*) FILTER (score IS NULL) AS missing
FROM fidelity_scores
GROUP BY scale
ORDER BY list_position(['total', 'referrals', 'content', 'staffing', 'location'], scale);
