"""Give every courier account an address of its own to be called back at."""

from django.db import migrations, models

import couriers.models


def give_tokens(apps, schema_editor):
    accounts = apps.get_model("couriers", "CourierAccount")
    for account in accounts.objects.filter(callback_token=None):
        account.callback_token = couriers.models.new_token()
        account.save(update_fields=["callback_token"])


class Migration(migrations.Migration):

    dependencies = [("couriers", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="courieraccount",
            name="callback_token",
            field=models.CharField(editable=False, max_length=64, null=True),
        ),
        migrations.RunPython(give_tokens, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="courieraccount",
            name="callback_token",
            field=models.CharField(
                default=couriers.models.new_token, editable=False, max_length=64, unique=True
            ),
        ),
    ]
