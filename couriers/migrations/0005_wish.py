from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("couriers", "0004_quoted_fee")]

    operations = [
        migrations.AddField(
            model_name="carriersearch",
            name="wish",
            field=models.JSONField(blank=True, null=True, verbose_name="wanted next"),
        ),
    ]
