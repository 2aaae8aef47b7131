-- A row a team and time point, with the columns of the panel in their order.
CREATE TEMP VIEW panel AS
SELECT
    team, timepoint, arm, trust, stratum, setting,
    fidelity, fidelity_referrals, fidelity_content, fidelity_staffing, fidelity_location,
    CASE WHEN fidelity < 117 THEN 'low' WHEN fidelity < 156 THEN 'moderate' WHEN fidelity >= 156 THEN 'high' END AS band,
    items_scored,
    admissions, bed_days, detained, readmissions, person_years,
    1000 * admissions / person_years AS admission_rate,
    1000 * bed_days / person_years AS bed_day_rate,
    1000 * detained / person_years AS detained_rate,
    readmissions / readmission_known AS readmission_share,
    patient_answers.* EXCLUDE (team, wave),
    staff_answers.* EXCLUDE (team, wave)
FROM visits
LEFT JOIN reviews USING (team, timepoint)
LEFT JOIN service_use USING (team, period)
LEFT JOIN patient_answers USING (team, wave)
LEFT JOIN staff_answers USING (team, wave)
ORDER BY team, timepoint;
