from mvmono3d.evaluation.colours import colours_of


def test_a_method_has_the_same_colour_in_every_company():
    alone, all_together = colours_of(["kalman"]), colours_of(["dlt", "robust", "kalman", "map", "bundle"])
    assert alone["kalman"] == all_together["kalman"]
    assert colours_of(["robust", "bundle"])["bundle"] == all_together["bundle"]
    assert len(set(all_together.values())) == 5
